/** A session host in a process of its own, to be killed and stopped: one memory session server, `a`, behind a service. */
import { LocalSessionServer } from '../../lib/session-server/local-session-server.js'
import { DEFAULT_LIMITS } from '../../lib/session-server/service/limits.js'
import { startService } from '../../lib/session-server/service/service.js'
import { MemoryStore } from '../../lib/session-server/stores/memory.js'
import { KEY } from './remote-harness.js'

const service = await startService({
  host: '127.0.0.1',
  port: Number(process.argv[2] ?? 0),
  servers: new Map([['a', new LocalSessionServer(new MemoryStore())]]),
  keys: [KEY],
  tls: null,
  limits: DEFAULT_LIMITS,
})
process.on('disconnect', () => process.exit())
process.send?.({ port: service.port, url: service.url })
