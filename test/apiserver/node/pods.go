package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

const (
	// restartDelay is short: the kubelet's 10 s are not for tests.
	restartDelay = 100 * time.Millisecond
	// longestGrace is how long a deleted pod's programs have to end.
	longestGrace = 2 * time.Second
	// reportDelay is between attempts to write a pod's status.
	reportDelay = 100 * time.Millisecond
)

// podTable is the pods of the node, by namespace and name.
type podTable struct {
	mu   sync.Mutex
	pods map[string]*pod
}

// pod is a pod that has been bound to the node.
type pod struct {
	node   *node
	object *corev1.Pod
	// ctx ends when the pod is deleted.
	ctx    context.Context
	cancel context.CancelFunc
	// changed has an element while the status at the API server is old.
	changed chan struct{}

	mu sync.Mutex
	// runs has the present run of each container, and previous the one before.
	runs, previous map[string]*container
	// failures says why a container could not be started.
	failures map[string]string
}

func newPodTable() *podTable { return &podTable{pods: map[string]*pod{}} }

func containerURL(id string) string { return "standin://" + id }

// watchPods runs what is bound to the node from now on.
func (n *node) watchPods(ctx context.Context) error {
	bound := fields.OneTermEqualSelector("spec.nodeName", n.name).String()
	factory := informers.NewSharedInformerFactoryWithOptions(n.client, 0,
		informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.FieldSelector = bound }))
	informer := factory.Core().V1().Pods().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { n.sync(object.(*corev1.Pod)) },
		UpdateFunc: func(_, object any) { n.sync(object.(*corev1.Pod)) },
		DeleteFunc: func(object any) {
			if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = last.Obj
			}
			n.pods.forget(object.(*corev1.Pod))
		},
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return ctx.Err()
	}
	return nil
}

func (n *node) sync(object *corev1.Pod) {
	p, isNew := n.pods.add(n, object)
	switch {
	case object.DeletionTimestamp != nil:
		p.cancel()
	case isNew:
		go p.report()
	}
	if isNew {
		go p.run()
	}
}

func keyOf(namespace, name string) string { return namespace + "/" + name }

func (t *podTable) add(n *node, object *corev1.Pod) (p *pod, isNew bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := keyOf(object.Namespace, object.Name)
	if p, ok := t.pods[key]; ok && p.object.UID == object.UID {
		return p, false
	}
	ctx, cancel := context.WithCancel(context.Background())
	p = &pod{
		node: n, object: object, ctx: ctx, cancel: cancel, changed: make(chan struct{}, 1),
		runs: map[string]*container{}, previous: map[string]*container{}, failures: map[string]string{},
	}
	t.pods[key] = p
	return p, true
}

// get returns nil for a pod that is not there.
func (t *podTable) get(namespace, name string) *pod {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pods[keyOf(namespace, name)]
}

func (t *podTable) forget(object *corev1.Pod) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := keyOf(object.Namespace, object.Name)
	if p, ok := t.pods[key]; ok && p.object.UID == object.UID {
		p.cancel()
		delete(t.pods, key)
	}
}

func (t *podTable) all() []*pod {
	t.mu.Lock()
	defer t.mu.Unlock()
	pods := make([]*pod, 0, len(t.pods))
	for _, p := range t.pods {
		pods = append(pods, p)
	}
	return pods
}

func (t *podTable) runningContainers() []*container {
	var running []*container
	for _, p := range t.all() {
		running = append(running, p.runningContainers()...)
	}
	return running
}

// runningContainer finds a container by its ID.
func (t *podTable) runningContainer(id string) (*container, error) {
	for _, c := range t.runningContainers() {
		if c.id == id {
			return c, nil
		}
	}
	return nil, fmt.Errorf("container %q is not running", id)
}

func (t *podTable) killAll() {
	for _, c := range t.runningContainers() {
		c.process.signal(syscall.SIGKILL)
	}
}

// run runs the pod's containers: first those for its initialization, one after the other, then all others.
func (p *pod) run() {
	defer p.end()
	for _, spec := range p.object.Spec.InitContainers {
		if !p.runContainer(spec, true) {
			return
		}
	}
	var running sync.WaitGroup
	for _, spec := range p.object.Spec.Containers {
		running.Go(func() { p.runContainer(spec, false) })
	}
	running.Wait()
	// What has ended for good can be read until it is deleted.
	<-p.ctx.Done()
}

// runContainer runs a container again and again, as the pod's policy says, and returns whether it has succeeded.
func (p *pod) runContainer(spec corev1.Container, isInit bool) bool {
	for restarts := int32(0); p.ctx.Err() == nil; restarts++ {
		c, err := p.startContainer(spec, restarts)
		if err == nil {
			select {
			case <-c.ended:
			case <-p.ctx.Done():
				c.stop(min(longestGrace, p.grace()))
				return false
			}
			p.hasChanged()
			succeeded := c.exitCode == 0
			policy := p.object.Spec.RestartPolicy
			isLast := policy == corev1.RestartPolicyNever ||
				succeeded && (isInit || policy == corev1.RestartPolicyOnFailure)
			if isLast {
				return succeeded
			}
		}
		select {
		case <-time.After(restartDelay):
		case <-p.ctx.Done():
		}
	}
	return false
}

func (p *pod) startContainer(spec corev1.Container, restarts int32) (*container, error) {
	uid := string(p.object.UID)
	id := strings.Join([]string{uid, spec.Name, fmt.Sprint(restarts)}, "-")
	dir := filepath.Join(p.node.dir, uid, spec.Name, "root")
	logDir := filepath.Join(p.node.dir, uid, spec.Name, "logs")
	c, err := startContainer(spec, id, dir, logDir, restarts)
	p.mu.Lock()
	if err == nil {
		p.previous[spec.Name] = p.runs[spec.Name]
		p.runs[spec.Name] = c
		delete(p.failures, spec.Name)
	} else {
		p.failures[spec.Name] = err.Error()
	}
	p.mu.Unlock()
	p.hasChanged()
	return c, err
}

func (p *pod) grace() time.Duration {
	if seconds := p.object.Spec.TerminationGracePeriodSeconds; seconds != nil {
		return time.Duration(*seconds) * time.Second
	}
	return longestGrace
}

// end tells the API server that nothing of a deleted pod runs any more.
func (p *pod) end() {
	<-p.ctx.Done()
	now := int64(0)
	for attempt := 0; attempt < 100; attempt++ {
		err := p.node.client.CoreV1().Pods(p.object.Namespace).Delete(context.Background(), p.object.Name,
			metav1.DeleteOptions{GracePeriodSeconds: &now, Preconditions: metav1.NewUIDPreconditions(string(p.object.UID))})
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			break
		}
		time.Sleep(reportDelay)
	}
	p.node.pods.forget(p.object)
	_ = os.RemoveAll(filepath.Join(p.node.dir, string(p.object.UID)))
}

func (p *pod) runningContainers() []*container {
	p.mu.Lock()
	defer p.mu.Unlock()
	var running []*container
	for _, c := range p.runs {
		if c.isRunning() {
			running = append(running, c)
		}
	}
	return running
}

// runsOf returns the present run of a container and the one before, or nil.
func (p *pod) runsOf(name string) (run, previous *container) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.runs[name], p.previous[name]
}

func (p *pod) hasChanged() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// report writes the pod's status whenever it has changed.
func (p *pod) report() {
	p.hasChanged()
	for {
		select {
		case <-p.changed:
		case <-p.ctx.Done():
			return
		}
		patch, _ := json.Marshal(map[string]any{"status": p.status()})
		_, err := p.node.client.CoreV1().Pods(p.object.Namespace).Patch(p.ctx, p.object.Name,
			types.MergePatchType, patch, metav1.PatchOptions{}, "status")
		if err != nil && !apierrors.IsNotFound(err) {
			time.Sleep(reportDelay)
			p.hasChanged()
		}
	}
}

func (p *pod) status() corev1.PodStatus {
	inits := p.containerStatuses(p.object.Spec.InitContainers)
	statuses := p.containerStatuses(p.object.Spec.Containers)
	isInitialized := true
	for _, status := range inits {
		isInitialized = isInitialized && status.State.Terminated != nil && status.State.Terminated.ExitCode == 0
	}
	phase, isReady := phaseOf(statuses, p.object.Spec.RestartPolicy)
	if !isInitialized {
		phase, isReady = corev1.PodPending, false
	}
	conditions := []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}}
	for _, condition := range []struct {
		name  corev1.PodConditionType
		holds bool
	}{{corev1.PodInitialized, isInitialized}, {corev1.ContainersReady, isReady}, {corev1.PodReady, isReady}} {
		status := corev1.ConditionFalse
		if condition.holds {
			status = corev1.ConditionTrue
		}
		conditions = append(conditions, corev1.PodCondition{Type: condition.name, Status: status})
	}
	started := p.object.CreationTimestamp
	return corev1.PodStatus{
		Phase: phase, Conditions: conditions, HostIP: "127.0.0.1", PodIP: "127.0.0.1",
		PodIPs: []corev1.PodIP{{IP: "127.0.0.1"}}, StartTime: &started,
		InitContainerStatuses: inits, ContainerStatuses: statuses,
	}
}

func phaseOf(statuses []corev1.ContainerStatus, policy corev1.RestartPolicy) (phase corev1.PodPhase, isReady bool) {
	running, waiting, failed := 0, 0, 0
	for _, status := range statuses {
		switch state := status.State; {
		case state.Running != nil:
			running++
		case state.Waiting != nil:
			waiting++
		case state.Terminated.ExitCode != 0:
			failed++
		}
	}
	isRestarted := policy != corev1.RestartPolicyNever && (failed > 0 || policy == corev1.RestartPolicyAlways)
	switch {
	case running == len(statuses):
		return corev1.PodRunning, true
	case running == 0 && waiting == len(statuses):
		return corev1.PodPending, false
	case running > 0 || waiting > 0 || isRestarted:
		return corev1.PodRunning, false
	case failed > 0:
		return corev1.PodFailed, false
	default:
		return corev1.PodSucceeded, false
	}
}

func (p *pod) containerStatuses(specs []corev1.Container) []corev1.ContainerStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := "ContainerCreating"
	if len(p.object.Spec.InitContainers) > 0 {
		waiting = "PodInitializing"
	}
	statuses := []corev1.ContainerStatus{}
	for _, spec := range specs {
		status := corev1.ContainerStatus{Name: spec.Name, Image: spec.Image, ImageID: spec.Image}
		run := p.runs[spec.Name]
		if run == nil {
			status.State.Waiting = &corev1.ContainerStateWaiting{Reason: waiting}
		} else {
			status.State = run.state()
			status.ContainerID = containerURL(run.id)
			status.RestartCount = run.restarts
			status.Ready = status.State.Running != nil
			status.Started = &status.Ready
		}
		if previous := p.previous[spec.Name]; previous != nil {
			status.LastTerminationState = previous.state()
		}
		if failure, ok := p.failures[spec.Name]; ok {
			status.State = corev1.ContainerState{
				Waiting: &corev1.ContainerStateWaiting{Reason: "RunContainerError", Message: failure},
			}
		}
		statuses = append(statuses, status)
	}
	return statuses
}
