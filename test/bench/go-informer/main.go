// Command bench-informer runs a shared informer of client-go for all pods until it has synced, and prints how long that
// took and the most memory that the process has had. It reads JSON, as clients in JavaScript do.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"runtime"
	"syscall"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

type argument struct {
	Place struct {
		Origin string `json:"origin"`
		Root   string `json:"root"`
	} `json:"place"`
}

type result struct {
	Ms        float64 `json:"ms"`
	PeakBytes int64   `json:"peakBytes"`
	Objects   int     `json:"objects"`
}

func main() {
	var given argument
	if err := json.Unmarshal([]byte(os.Args[1]), &given); err != nil {
		log.Fatalf("Cannot read the argument: %v", err)
	}
	clientset, err := kubernetes.NewForConfig(&rest.Config{
		Host:            given.Place.Origin,
		BearerTokenFile: given.Place.Root + "/token",
		TLSClientConfig: rest.TLSClientConfig{CAFile: given.Place.Root + "/ca.crt"},
		ContentConfig:   rest.ContentConfig{ContentType: jsonType, AcceptContentTypes: jsonType},
	})
	if err != nil {
		log.Fatalf("Cannot connect: %v", err)
	}
	factory := informers.NewSharedInformerFactory(clientset, 0)
	informer := factory.Core().V1().Pods().Informer()
	startedAt := time.Now()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	factory.Start(ctx.Done())
	for !informer.HasSynced() {
		time.Sleep(time.Millisecond)
	}
	elapsed := time.Since(startedAt)
	text, err := json.Marshal(result{
		Ms:        float64(elapsed.Microseconds()) / 1000,
		PeakBytes: peakBytes(),
		Objects:   len(informer.GetStore().ListKeys()),
	})
	if err != nil {
		log.Fatalf("Cannot answer: %v", err)
	}
	fmt.Println(string(text))
}

const jsonType = "application/json"

func peakBytes() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatalf("Cannot read the memory: %v", err)
	}
	if runtime.GOOS == "darwin" {
		return usage.Maxrss
	}
	return usage.Maxrss * 1024
}
