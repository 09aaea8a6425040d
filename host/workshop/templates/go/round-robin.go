// Backends take turns, each as often as its weight says and evenly spread: 3 and 1 give a a b a.
// Each worker of the proxy has its own turns.
package main

import "example.com/{{project-name}}/pointsman"

// How much each backend is behind its share. Made when the topology changes: picks allocate nothing.
var behind []int64

//go:wasmexport pointsman_init
func start() int32 {
	topology()
	return 0
}

// Backends came, went, or changed: what was kept for their indexes is void.
//
//go:wasmexport pointsman_topology
func topology() { behind = make([]int64, max(pointsman.BackendCount(), 0)) }

//go:wasmexport pointsman_pick
func pick() int64 {
	next := pointsman.Absent
	total := int64(0)
	for place := range behind {
		index := int32(place)
		if !usable(index) {
			continue
		}
		weight := int64(pointsman.Weight(index))
		behind[index] += weight
		total += weight
		if next < 0 || behind[index] > behind[next] {
			next = index
		}
	}
	if next < 0 {
		return pointsman.Abstain
	}
	behind[next] -= total
	return pointsman.Backend(next)
}

func usable(index int32) bool {
	return pointsman.Flags(index)&pointsman.FlagEligible != 0 && pointsman.Tried(index) != 1
}

func main() {}
