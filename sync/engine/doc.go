// Package engine brings a health history from the iPhone into the database and
// keeps it in step: [Sync]. [Verify] compares all of it with the phone and puts
// right what differs. For a look without a database there is [Walk]. The package
// knows the phone and the database only by the small interfaces [Phone] and
// [Store].
//
// # How a sync goes
//
// One goroutine, one page: choose a question, ask it, store the page together
// with what it proves, choose the next (sync.go). What is still to be read is
// kept per type, as spans of time (plan.go). The plan is pure: it knows neither
// phone nor database, and the same pages lead to the same questions.
//
// # What a request costs
//
// The phone answers 60 requests a minute with at most 10,000 samples each,
// newest first over all types asked for, and for each of these types it reads
// limit+offset+1 samples before it merges and cuts
// (HealthKitService.fetchSamples). So for one type from an open start it reads
// 10,001 samples for 10,000, whatever lies in between. That makes one rule
// (choose.go): take the type that is furthest behind. If more than a page should
// be left of it, ask for it alone from an open start; else fill the request with
// others that should fit into the same page.
//
// What should be left is how dense a type was so far, times the time down to
// where the history is thought to begin, and a little for what was not seen yet:
// a pseudo-count, which rises when a request for several types brings far more
// than was thought, and falls again when types that go alone bring next to
// nothing. Windows of time are for the newest days, which are read of all types
// together, and for a walk.
//
// A page may break off within a second; the next request begins with that second
// again. An offset is used only within a second that holds more than a page
// (partial.go).
//
// The bounds that tests hold it to, for N samples: 1.05 × ⌈N/10,000⌉ + 15
// requests, and 1.15 × N reads and one page, on histories from one sample to
// millions, dense, sparse, with gaps of years and crowded seconds. Bursts that
// were drawn to be hard to foresee are counted and not bounded. Looking again at
// what is up to date takes one request beside that for the types.
//
// # What is promised
//
//   - Newest first: each run begins with the newest days of all types, then
//     goes back; "up to here" is at any time as good as all types together.
//   - A run may end anywhere, by an error, a cancelled context or a crash. What
//     is read whole is recorded per type in the same transaction as the page
//     that proves it ([store.Covered]); the next run goes on from there. At most
//     the page on the wire is lost.
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
//     touched. To find out, the type is asked for by itself when all else is read
//     (absence.go). What a type did not show while it was silent is read when it
//     shows samples again, and from time to time anyway: such spans are kept in
//     the engine's memory (memory.go) and do not count for certain.
//   - A type that the phone shares for the first time gets its whole history.
//     Types that this version does not know are treated like all others.
//   - No type keeps the others. A value that cannot be served costs its second
//     ([Narrow]). A type over which the app stops ([Gone]) costs two stops at
//     most: after the first the types of that question are asked for one by one,
//     after the second it is left alone until it is asked for by name or the app
//     has another version (stopped.go). Both are in Result.Unreadable. A walk
//     finds such a type at once and ends with an [UnreadableError].
//   - What another iPhone brought into the same database is not looked at.
//
// # Time
//
// Nothing that is promised depends on the Mac's clock. Requests for the newest
// samples end in the year 2200. What a page proves for a type is claimed up to
// the newest sample that was served by then, not to the end of the run, because
// samples are measured while it goes on; and not beyond the Mac's clock, because
// a watch that was set wrong may have dated samples into the future. Where the
// clock was set back, what is stored tells how late it is. Only a clock that is
// ahead together with samples dated ahead could make a span count as read too
// early; the look-back, or a full run, heals it.
//
// # What is not promised
//
// A sample that arrives late and is older than the look-back is found by a full
// run only, and so is a deletion there. Samples that change while they are read
// are seen or not; the next look-back settles it. A type whose permission is
// taken away and given back between two requests of one run may keep a gap until
// its silent spans are read again, within days. If the user deletes all samples
// of a type, it is silent: nothing tells that from a missing permission. A phone
// that goes away twice in a row over the same type, for another reason, makes
// that type look like one over which the app stops.
//
// Sleep is read as sleepAnalysis only: the app filters its stages out after the
// limit, so that a page of one of them tells neither how far it reaches nor
// whether there is more. Stages shared without sleepAnalysis are reported as
// skipped.
package engine
