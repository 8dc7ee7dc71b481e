import t from 'tap'
import { LocalSessionServer } from '../../lib/session-server/local-session-server.js'
import { MemoryStore } from '../../lib/session-server/stores/memory.js'
import { sessionServerTests } from './session-server-tests.js'

t.test('memory', async t =>
  sessionServerTests(t, async t => {
    const server = new LocalSessionServer(new MemoryStore())
    t.teardown(() => server.close())
    return server
  }),
)
