package problem

const unlockCommand = "security unlock-keychain ~/Library/Keychains/login.keychain-db"
