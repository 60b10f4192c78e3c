package agent

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"healthsync/app/config"
	"healthsync/app/files"
)

// memorySchema is the version of the memory's file.
const memorySchema = 1

func memoryFile(p config.Paths) string { return filepath.Join(p.Data, "agent.json") }

// loadMemory reads what the last run knew. A file that cannot be read costs no
// more than a notification said twice.
func loadMemory(p config.Paths, log *slog.Logger) Memory {
	raw, err := os.ReadFile(memoryFile(p))
	if errors.Is(err, fs.ErrNotExist) {
		return Memory{}
	}
	var m Memory
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil || m.Schema > memorySchema {
		log.Warn("the list of notifications shown cannot be read", "err", err)
		return Memory{}
	}
	return m
}

func saveMemory(p config.Paths, m Memory) error {
	m.Schema = memorySchema
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return files.WriteAtomic(memoryFile(p), append(raw, '\n'))
}
