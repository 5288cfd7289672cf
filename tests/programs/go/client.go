// SPDX-License-Identifier: BSD-2-Clause

// client ADDRESS CLIENTS BYTES: many goroutines at once fetch and post; all is held against its SHA-256.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

func fetch(url string, size int) error {
	response, err := http.Get(fmt.Sprintf("%s/%d", url, size))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	got, wanted := fmt.Sprintf("%x", sha256.Sum256(data)), response.Header.Get("X-Sha256")
	if len(data) != size || got != wanted {
		return fmt.Errorf("%d of %d bytes, SHA-256 %s, not %s", len(data), size, got, wanted)
	}
	wanted = fmt.Sprintf("%d %x <nil>", size, sha256.Sum256(data))
	response, err = http.Post(url, "application/octet-stream", bytes.NewReader(data))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && string(answer) != wanted {
		err = fmt.Errorf("posted: %s, not %s", answer, wanted)
	}
	return err
}

func main() {
	clients, _ := strconv.Atoi(os.Args[2])
	size, _ := strconv.Atoi(os.Args[3])
	http.DefaultClient.Timeout = 2 * time.Minute
	results := make(chan error)
	for i := 0; i < clients; i++ {
		go func(i int) { results <- fetch("http://"+os.Args[1], size+i) }(i)
	}
	failed := 0
	for i := 0; i < clients; i++ {
		if err := <-results; err != nil {
			fmt.Println(err)
			failed++
		}
	}
	fmt.Printf("%d clients, %d failed\n", clients, failed)
	if failed > 0 {
		os.Exit(1)
	}
}
