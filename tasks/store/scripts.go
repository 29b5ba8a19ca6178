package store

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

// The scripts, each documented in its file. All job scripts but
// create begin with the prelude in lib.lua.
var (
	//go:embed lua/lib.lua
	libSource string
	//go:embed lua/create.lua
	createSource string
	//go:embed lua/claim.lua
	claimSource string
	//go:embed lua/renew.lua
	renewSource string
	//go:embed lua/append.lua
	appendSource string
	//go:embed lua/complete.lua
	completeSource string
	//go:embed lua/fail.lua
	failSource string
	//go:embed lua/spend.lua
	spendSource string
	//go:embed lua/release.lua
	releaseSource string
	//go:embed lua/cancel.lua
	cancelSource string
	//go:embed lua/amend.lua
	amendSource string
	//go:embed lua/overdue.lua
	overdueSource string
	//go:embed lua/replan.lua
	replanSource string
	//go:embed lua/retry.lua
	retrySource string
	//go:embed lua/hurry.lua
	hurrySource string
	//go:embed lua/learn.lua
	learnSource string
	//go:embed lua/complete_shared.lua
	completeSharedSource string
	//go:embed lua/unfollow.lua
	unfollowSource string
	//go:embed lua/flight_join.lua
	flightJoinSource string
	//go:embed lua/flight_takeover.lua
	flightTakeoverSource string
	//go:embed lua/flight_complete.lua
	flightCompleteSource string
	//go:embed lua/forget.lua
	forgetSource string
	//go:embed lua/recount.lua
	recountSource string
	//go:embed lua/beat.lua
	beatSource string

	createScript         = redis.NewScript(createSource)
	claimScript          = jobScript(claimSource)
	renewScript          = jobScript(renewSource)
	appendScript         = jobScript(appendSource)
	completeScript       = jobScript(completeSource)
	failScript           = jobScript(failSource)
	spendScript          = jobScript(spendSource)
	releaseScript        = jobScript(releaseSource)
	cancelScript         = jobScript(cancelSource)
	amendScript          = jobScript(amendSource)
	overdueScript        = jobScript(overdueSource)
	replanScript         = jobScript(replanSource)
	retryScript          = jobScript(retrySource)
	completeSharedScript = jobScript(completeSharedSource)
	unfollowScript       = jobScript(unfollowSource)
	flightJoinScript     = redis.NewScript(flightJoinSource)
	flightTakeoverScript = redis.NewScript(flightTakeoverSource)
	flightCompleteScript = redis.NewScript(flightCompleteSource)
	hurryScript          = redis.NewScript(hurrySource)
	learnScript          = redis.NewScript(learnSource)
	forgetScript         = redis.NewScript(forgetSource)
	beatScript           = redis.NewScript(beatSource)
	recountScript        = redis.NewScript(recountSource)
)

func jobScript(body string) *redis.Script { return redis.NewScript(withPrelude(libSource, body)) }
