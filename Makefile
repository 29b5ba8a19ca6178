build:
	go build .
