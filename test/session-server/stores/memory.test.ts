import t from 'tap'
import { MemoryStore } from '../../../lib/session-server/stores/memory.js'
import { copyStoreTests } from '../copy-store-tests.js'

t.test('memory', async t => copyStoreTests(t, { make: () => new MemoryStore() }))
