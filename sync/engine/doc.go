// Package engine brings a health history from the iPhone into the database and
// keeps it in step: [Sync]. For a look without a database there is [Walk]. It
// knows the phone and the database only by the small interfaces [Phone] and
// [Store].
//
// # What a request costs
//
// The phone answers 60 requests a minute with at most 10,000 samples each,
// newest first over all types asked for, and for each of these types it reads
// limit+offset+1 samples before it merges and cuts
// (HealthKitService.fetchSamples). So a request is cheap in two cases: for one
// type from an open start (10,001 reads for 10,000 samples), and for any number
// of types in a window of time that holds not more than a page (as many reads
// as samples). The planner keeps to these two. It learns how dense each type is
// from the pages it gets; types that fill pages by themselves go alone, the
// others together in windows that should come back just full. A stretch without
// samples is jumped by a small request from an open start; types near the
// beginning of the history share requests. An offset is used only within a
// second that holds more than a page.
//
// Two requests are in the air at a time (flight.go): the phone works on one while
// the answer to the other is on the network, decoded and stored. The second is
// only asked where it is worth its cost whatever the first one's answer is: for
// another dense type, or, where one is all that is left, for the lower half of
// its time (halves.go). Answers are looked at in the order of the questions, so
// the same phone is always asked the same.
//
// The bounds that tests hold it to, for N samples: 1.03 × ⌈N/10,000⌉ + 12
// requests and 1.15 × N reads, on histories from one sample to millions, dense,
// sparse, bursty, with gaps of years and crowded seconds. A type that ends or
// begins where none of the others does can cost a request more, because nobody
// can know before; where many do, such types are asked for on a guess (bets.go).
// Looking again at what is up to date takes one request beside that for the
// types.
//
// # What is promised
//
//   - Newest first: each run begins with the newest days of all types, then
//     goes back; "up to here" is at any time as good as all types together.
//   - A run may end anywhere, by an error, a cancelled context or a crash. What
//     is read whole is recorded per type in the same transaction as the page
//     that proves it ([store.Covered]); the next run goes on from there. What has
//     arrived is stored, also where the other request in the air fails; at most
//     what is on the wire is lost. There are four pages in memory: two on the
//     wire, one being stored and one that waits for it.
//   - Whoever asks for the newest days in the middle of a long way back
//     (Options.Fresh) gets them with the next request.
//   - Served dates are whole seconds, cut down, and a page may break off in the
//     middle of one. That second is read again as a whole, or continued behind
//     an offset with some known samples for a check; what moved meanwhile is
//     begun anew. hasMore is only believed where it agrees with the number of
//     samples. Whether a sample exactly at the end of a range belongs to it does
//     not matter.
//   - The last days (Options.Lookback) are read again each time, once a day in
//     full and else as far as one request reaches: samples that arrive late are
//     added, deleted ones become tombstones. Options.Full does so for all time.
//   - Absence is not deletion. A type without samples in an answer may have lost
//     its permission, which the phone does not say. A stored sample becomes a
//     tombstone only if one answer shows that it is gone and that there are
//     others of its type; else the type is reported as silent and nothing is
//     touched. What a type did not show while it was silent is read when it
//     shows samples again, and from time to time anyway: such spans are kept in
//     the engine's memory (memory.go) and do not count for certain.
//   - A type that the phone shares for the first time gets its whole history.
//     Types that this version does not know are treated like all others.
//   - No type keeps the others: a value that cannot be served costs its second
//     ([Narrow]), a type over which the app crashes is found out and left alone
//     for a while ([Gone]); both are in Result.Unreadable. A walk finds it out
//     at once and ends with an [UnreadableError].
//
// # Time
//
// Nothing that is promised depends on the Mac's clock. Requests for the newest
// samples end in the year 2200; a span counts as read up to the newest sample
// that was served, and not beyond the Mac's clock, because a watch that was set
// wrong may have dated samples into the future. Where the clock was set back,
// what is stored tells how late it is. Only a clock that is ahead together with
// samples dated ahead could make a span count as read too early; the look-back,
// or a full run, heals it.
//
// # What is not promised
//
// A sample that arrives late and is older than the look-back is found by a full
// run only, and so is a deletion there. Samples that change while they are read
// are seen or not; the next look-back settles it. A type whose permission is
// taken away and given back between two requests of one run may keep a gap until
// its silent spans are read again, within days. If the user deletes all samples
// of a type, it is silent: nothing tells that from a missing permission.
//
// Sleep is read as sleepAnalysis only: the app filters its stages out after the
// limit, so that a page of one of them tells neither how far it reaches nor
// whether there is more. Stages shared without sleepAnalysis are reported as
// skipped.
package engine
