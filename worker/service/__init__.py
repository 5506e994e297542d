"""Background services of the worker: projector, leader, sweep.

All have one shape. Construct with plain arguments and a frozen configuration (nothing is touched yet);
`await start()` begins the work in tasks of its own and returns; `await stop()` ends it and waits. `stop`
may be called twice, and without `start`. A service survives Postgres and Temporal being away: it says
so in the log once, waits with growing pauses, and goes on by itself.
"""
