package config

var platformPaths = macPaths
