// SPDX-License-Identifier: BSD-2-Clause

// server ADDRESS: an HTTP server that answers /N with N bytes whose SHA-256 stands in a header.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
)

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready", listener.Addr())
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			digest := sha256.New()
			n, err := io.Copy(digest, r.Body)
			fmt.Fprintf(w, "%d %x %v", n, digest.Sum(nil), err)
			return
		}
		n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		data := make([]byte, n)
		rand.New(rand.NewSource(int64(n))).Read(data)
		w.Header().Set("X-Sha256", fmt.Sprintf("%x", sha256.Sum256(data)))
		w.Write(data)
	})
	fmt.Println(http.Serve(listener, nil))
}
