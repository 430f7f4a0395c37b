module gander.dev/programs/pause

go 1.26
