// Command hello is the least that a program in Go can say.
package main

import "fmt"

func main() { fmt.Println("hello") }
