// Of two random backends the one with fewer requests in flight per unit of weight gets the request.
package main

import "example.com/{{project-name}}/pointsman"

//go:wasmexport pointsman_init
func start() int32 { return 0 }

//go:wasmexport pointsman_pick
func pick() int64 {
	first := draw(pointsman.Absent)
	if first < 0 {
		return pointsman.Abstain
	}
	second := draw(first)
	if second >= 0 && isLighter(second, first) {
		return pointsman.Backend(second)
	}
	return pointsman.Backend(first)
}

// draw is one of the usable backends at random, other than except; -1 if there is none.
func draw(except int32) int32 {
	count := pointsman.BackendCount()
	open := uint64(0)
	for index := range count {
		if index != except && usable(index) {
			open++
		}
	}
	if open == 0 {
		return pointsman.Absent
	}
	place := uint64(pointsman.Random()) % open
	for index := range count {
		if index == except || !usable(index) {
			continue
		}
		if place == 0 {
			return index
		}
		place--
	}
	return pointsman.Absent
}

func usable(index int32) bool {
	return pointsman.Flags(index)&pointsman.FlagEligible != 0 && pointsman.Tried(index) != 1
}

// isLighter multiplies: a division would round.
func isLighter(one, other int32) bool { return load(one)*weight(other) < load(other)*weight(one) }

func load(index int32) int64   { return pointsman.Stat(pointsman.StatInFlight, index) }
func weight(index int32) int64 { return int64(pointsman.Weight(index)) }

func main() {}
