"""Random writes to redis-server and to redtool in lock step: replies and data stay the same.

    python -m tests.differential.writes --port-a 7001 --port-b 7002 --families list,zset

| module | holds |
|---|---|
| `universe` | the few keys, and what is put into them |
| `strings`, `lists`, `sets`, `zsets`, `streams`, `keyspace` | makers of commands, by family |
| `families` | the families, and a round: a sequence made from a seed |
| `judge` | when two replies are the same |
| `randoms` | commands that choose for themselves: judged, then both sides set to one state |
| `lockstep` | sending a sequence to both sides |
| `state` | comparing all the data of both |
| `payload` | DUMP payloads of 7.2 for a server of 7.0 |
| `minimise` | the least sequence that still shows a difference |
| `lines` | sequences as lines for redis-cli, written and read |
| `runner` | rounds until the count is reached, and what they found |
"""
