// Package agents is the catalogue: it loads agents from folders, checks them
// as a whole, and answers for each what its input and output must look like,
// what a model is asked, and what the scorecard says without any model.
//
// An agent is a folder; docs/agents.md explains to its author what to
// write. The built-in folders are embedded in the binary. A directory of the
// user's own may be laid over them: a folder there replaces the built-in agent
// of the same ID, or adds a new one. [Catalogue.Watch] re-reads that directory,
// folder by folder: an edit that does not load, or fails its examples or its
// trial on generated inputs, is refused with file and line, and the last good
// version stays. [Catalogue.SetPushed] lays agents between the two that all
// processes share.
//
// Everything that can be wrong with a folder is found when it is loaded, not
// when a job runs: expressions are compiled against types derived from the
// input schema, the answer a scorecard fills is compared with the output
// schema, and templates may only name fields that exist.
package agents
