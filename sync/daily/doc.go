// Package daily makes one figure of a day's samples, as Apple's Health app
// does: what two devices measured at the same time counts once.
//
// The rule, as far as it is public. "By default, these queries automatically
// merge the data from all of your data sources before performing the
// calculations" (HKStatistics,
// https://developer.apple.com/documentation/healthkit/hkstatistics). The order
// of the sources is the person's, and by default data entered by hand, then the
// iPhone's and the Watch's, then that of apps
// (https://support.apple.com/en-us/HT204351). A sample that lies on both sides
// of a boundary counts on each by its share of the time
// (https://github.com/tryVital/vital-ios/pull/34: five minutes with 100 steps,
// two of them after the hour, are 60 and 40).
//
// So here: at each second the first source in the order that has a sample there
// is the one that counts, and all its samples there count, each by its share of
// the time. Apple does not say how its Watch and its iPhone stand to each
// other; here the Watch comes first, because it is on the wrist.
//
// It is pure: no clock, no files. Times are Unix seconds.
package daily
