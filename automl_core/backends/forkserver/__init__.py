"""Attempts that begin with their libraries loaded: a server on the worker's machine imports once, and forks.

Importing what trains a table costs seconds of CPU, many a training of one costs less. Where a training task names a
module to `preload`, its command runs in a fork of a process that has imported that module:

* `starting`, in the worker, finds or starts the server of a run; it outlives the attempt that began it, and ends by
  itself when nobody has come for a while;
* `client` stands where the program would: below the guard, so that whatever ends it ends the fork;
* `server` forks a child for each client, which gets the client's folder, environment, output and arguments.

Where no server can be had, the client becomes the program itself: slower, and otherwise the same.
"""
