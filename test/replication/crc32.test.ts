import { crc32 as zlibCrc32 } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { crc32 } from '../../lib/replication/crc32.js'

t.test('any text has the sum that zlib gives it', async t => {
  for (const text of ['', 'a', '123456789', 'Ab0-_'.repeat(40), 'é', 'before €', '\u{1f600} after'])
    t.equal(crc32(text), zlibCrc32(text), JSON.stringify(text))
  fc.assert(fc.property(fc.string(), text => crc32(text) === zlibCrc32(text)))
  fc.assert(fc.property(fc.string({ unit: 'binary' }), text => crc32(text) === zlibCrc32(text)))
})
