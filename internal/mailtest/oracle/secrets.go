package oracle

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
)

// Secrets checks INV5: none of secrets stands, plain or in an encoding that
// protocols use, in the files and folders at paths or in the outputs, which are
// by name. A path that does not exist holds none.
func Secrets(secrets, paths []string, outputs map[string][]byte) (found Findings) {
	needles := map[string][][]byte{}
	for _, s := range secrets {
		needles[s] = encodings(s)
	}
	for name, text := range outputs {
		search(&found, name, text, needles)
	}
	for _, root := range paths {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return missing(err)
			}
			text, err := os.ReadFile(path)
			search(&found, path, append(text, path...), needles)
			return missing(err)
		})
		if err != nil {
			found.say("INV5", "cannot search %s: %v", root, err)
		}
	}
	return found
}

func missing(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// search names a secret by its length only: findings are printed.
func search(found *Findings, where string, text []byte, needles map[string][][]byte) {
	for secret, forms := range needles {
		if slices.ContainsFunc(forms, func(f []byte) bool { return bytes.Contains(text, f) }) {
			found.say("INV5", "a secret of %d octets stands in %s", len(secret), where)
		}
	}
}

// encodings returns the forms in which a secret may appear: plain, as part of a
// URL, in hex, and within base64 at each of its three alignments, where the
// octets around it spoil the first and last characters.
func encodings(secret string) [][]byte {
	forms := [][]byte{[]byte(secret), []byte(url.QueryEscape(secret)), []byte(url.PathEscape(secret)), []byte(hex.EncodeToString([]byte(secret)))}
	for shift := range 3 {
		enc := base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00"[:shift] + secret))
		whole := enc[(shift*8+5)/6 : (shift+len(secret))*8/6]
		if len(whole) > 7 {
			forms = append(forms, []byte(whole))
		}
	}
	return forms
}
