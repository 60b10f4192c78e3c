package desktop

// Desktop is the one that the app runs on.
type Desktop = Mac
