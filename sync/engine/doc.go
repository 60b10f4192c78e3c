// Package engine brings a health history from the iPhone into the database and
// keeps it in step.
package engine
