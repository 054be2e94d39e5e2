// Checks notes, proofs and tiles with the code of Go's checksum database, which knows nothing
// of ours. Reads a question as JSON from standard input and answers in JSON.
package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Vkey   string
	Note   string
	Tiles  string // folder of tiles
	Leaves []leaf // to be found in the tree of the note
	Older  []tree // to be prefixes of the tree of the note
}

type leaf struct {
	Index  int64
	Record []byte
	Path   [][]byte
}

type tree struct {
	Size int64
	Root []byte
	Path [][]byte
}

type answer struct {
	Signers []string
	// What Go makes of the tiles, to be compared byte by byte.
	Inclusion   [][][]byte
	Consistency [][][]byte
	Error       string
}

type folder struct{ path string }

func (f folder) Height() int { return 8 }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		// C2SP fixes the height at 8 and leaves it out of the path.
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		read, err := os.ReadFile(filepath.Join(f.path, path))
		if err != nil {
			return nil, err
		}
		data[i] = read
	}
	return data, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func hashOf(data []byte) (h tlog.Hash) {
	copy(h[:], data)
	return
}

func proofOf(path [][]byte) (p []tlog.Hash) {
	for _, one := range path {
		p = append(p, hashOf(one))
	}
	return
}

func bytesOf(proof []tlog.Hash) [][]byte {
	path := [][]byte{}
	for _, one := range proof {
		path = append(path, append([]byte(nil), one[:]...))
	}
	return path
}

func check(q question, a *answer) error {
	verifier, err := note.NewVerifier(q.Vkey)
	if err != nil {
		return err
	}
	opened, err := note.Open([]byte(q.Note), note.VerifierList(verifier))
	if err != nil {
		return err
	}
	for _, one := range opened.Sigs {
		a.Signers = append(a.Signers, one.Name)
	}
	lines := strings.Split(opened.Text, "\n")
	if lines[0] != verifier.Name() {
		return fmt.Errorf("the checkpoint is of %s", lines[0])
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return err
	}
	digest, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(digest) != sha256.Size {
		return fmt.Errorf("no root")
	}
	root := hashOf(digest)
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, folder{q.Tiles})
	for _, one := range q.Leaves {
		if err := tlog.CheckRecord(proofOf(one.Path), size, root, one.Index, tlog.RecordHash(one.Record)); err != nil {
			return err
		}
		if q.Tiles != "" {
			proof, err := tlog.ProveRecord(size, one.Index, reader)
			if err != nil {
				return err
			}
			// The reader of version 0.7 leaves a tile unchecked when subtrees share one.
			if err := tlog.CheckRecord(proof, size, root, one.Index, tlog.RecordHash(one.Record)); err != nil {
				return err
			}
			a.Inclusion = append(a.Inclusion, bytesOf(proof))
		}
	}
	for _, one := range q.Older {
		if err := tlog.CheckTree(proofOf(one.Path), size, root, one.Size, hashOf(one.Root)); err != nil {
			return err
		}
		if q.Tiles != "" {
			proof, err := tlog.ProveTree(size, one.Size, reader)
			if err != nil {
				return err
			}
			if err := tlog.CheckTree(proof, size, root, one.Size, hashOf(one.Root)); err != nil {
				return err
			}
			a.Consistency = append(a.Consistency, bytesOf(proof))
		}
	}
	return nil
}

func main() {
	var q question
	a := answer{Signers: []string{}, Inclusion: [][][]byte{}, Consistency: [][][]byte{}}
	if err := json.NewDecoder(os.Stdin).Decode(&q); err != nil {
		a.Error = err.Error()
	} else if err := check(q, &a); err != nil {
		a.Error = err.Error()
	}
	json.NewEncoder(os.Stdout).Encode(a)
}
