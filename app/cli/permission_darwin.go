package cli

const permissionHint = "HealthSync, or the terminal it runs in, may use the local network (System Settings >\n     Privacy & Security > Local Network)."
