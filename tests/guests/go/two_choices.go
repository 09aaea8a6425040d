// Two backends at random; the one with fewer requests per weight gets the request.
package main

import "guest/pointsman"

// Grown in pointsman_init; picks allocate nothing.
var open []int32

//go:wasmexport pointsman_init
func start() int32 {
	open = make([]int32, 0, 1024)
	println("two choices are ready")
	return 0
}

//go:wasmexport pointsman_pick
func pick() int64 {
	open = open[:0]
	count := pointsman.BackendCount()
	for index := range count {
		if pointsman.Flags(index)&pointsman.FlagEligible != 0 && pointsman.Tried(index) == 0 {
			open = append(open, index)
		}
	}
	if len(open) == 0 {
		return pointsman.Abstain
	}
	place := below(len(open))
	first := open[place]
	if len(open) == 1 {
		return pointsman.Backend(first)
	}
	second := open[(place+1+below(len(open)-1))%len(open)]
	if load(first)*weight(second) <= load(second)*weight(first) {
		return pointsman.Backend(first)
	}
	return pointsman.Backend(second)
}

func load(index int32) int64   { return pointsman.Stat(pointsman.StatInFlight, index) }
func weight(index int32) int64 { return int64(pointsman.Weight(index)) }

func below(bound int) int { return int(uint64(pointsman.Random()) % uint64(bound)) }

func main() {}
