// The same client gets the same backend; when a backend leaves, only its clients move, and they come back with it.
//
// Rendezvous hashing: each backend has a number for each client, and the highest one of all wins. A backend of weight 3 has three.
package main

import "example.com/{{project-name}}/pointsman"

// A number for each backend's name. Made when the topology changes: picks allocate nothing.
var names []uint64

//go:wasmexport pointsman_init
func start() int32 {
	topology()
	return 0
}

//go:wasmexport pointsman_topology
func topology() {
	names = make([]uint64, max(pointsman.BackendCount(), 0))
	for index := range names {
		hash := uint64(0xcbf29ce484222325)
		for _, letter := range pointsman.BackendText(int32(index), pointsman.BackendFieldName) {
			hash = (hash ^ uint64(letter)) * 0x100000001b3
		}
		names[index] = hash
	}
}

//go:wasmexport pointsman_pick
func pick() int64 {
	// HashSourceHeader with the name of a header makes its value the key.
	key := uint64(pointsman.Hash(pointsman.HashSourceClientIp, ""))
	if key == 0 {
		return pointsman.Abstain
	}
	owner, highest := pointsman.Absent, uint64(0)
	for place, name := range names {
		index := int32(place)
		if !usable(index) {
			continue
		}
		numbers := max(1, pointsman.ConfiguredWeight(index)/pointsman.WeightUnit)
		for number := range uint64(numbers) {
			score := mix(mix(key^name) + number)
			if owner < 0 || score > highest {
				owner, highest = index, score
			}
		}
	}
	if owner < 0 {
		return pointsman.Abstain
	}
	return pointsman.Backend(owner)
}

// mix lets all bits of the input change all bits of the output.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func usable(index int32) bool {
	return pointsman.Flags(index)&pointsman.FlagEligible != 0 && pointsman.Tried(index) != 1
}

func main() {}
