package main

import "fmt"

// mix turns numbers into one that looks random: the same ones always into the same.
func mix(numbers ...uint64) uint64 {
	var x uint64
	for _, n := range numbers {
		x += n + 0x9e3779b97f4a7c15
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		x ^= x >> 31
	}
	return x
}

// chance is a number from 0 up to 1.
func chance(numbers ...uint64) float64 {
	return float64(mix(numbers...)>>11) / (1 << 53)
}

func word(numbers ...uint64) string {
	return fmt.Sprintf("%016x", mix(numbers...))
}
