package problem

// Action is what a click asks for: plain data that goes to the agent.
type Action struct {
	Name string
	Arg  string
}

// The names of actions. Those that a [Remedy] may name stand in the table of
// conditions as plain text and are listed here too (tested).
const (
	ActSync           = "sync"
	ActStop           = "stop"
	ActInterval       = "interval" // Arg: a value of sync.interval
	ActPair           = "pair"     // wherever a code can be found
	ActPairCamera     = "pair-camera"
	ActPairClipboard  = "pair-clipboard"
	ActPairFile       = "pair-file" // Arg: the file, "" asks for one
	ActExport         = "export"    // Arg: the file, "" asks for one
	ActCheck          = "retry"
	ActFollow         = "follow"
	ActRenew          = "renew"
	ActUnlock         = "unlock"
	ActCameraSettings = "camera-settings"
	ActClockSettings  = "clock-settings"
	ActReport         = "report"
	ActFolder         = "folder"
	ActTroubleshoot   = "troubleshoot"
	ActLogin          = "login"
	ActUnpair         = "unpair"        // asks first
	ActUnpairYes      = "unpair-really" // does not
	ActDismiss        = "dismiss"       // the failure or the question
	ActQuit           = "quit"
)
