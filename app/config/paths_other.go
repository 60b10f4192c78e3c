//go:build !darwin

package config

var platformPaths = xdgPaths
