// Package appleexport reads Apple's own export of health data: the export.zip
// that the Health app shares, or the export.xml inside it. It gives each sample
// as the iPhone app would have served it, type by type and unit by unit
// (HealthSampleMapper.swift), so that samples of an export and samples of a
// phone may stand side by side.
//
// It streams: an export of 4 GB needs no more memory than one of 4 MB, but for
// 10 to 20 bytes a sample that tell equal records apart.
//
// What it does not know: routes, electrocardiograms, clinical documents,
// activity rings and types that the app has no name for. The latter are
// counted and passed over.
package appleexport
