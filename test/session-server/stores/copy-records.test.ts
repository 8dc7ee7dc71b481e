import t from 'tap'
import { CopyRecords, type RecordRef } from '../../../lib/session-server/stores/copy-records.js'
import { copyOf } from '../copy-store-tests.js'

/** Texts on both sides of every border: of cells, of pages, and of characters that take more than a byte. */
const TEXTS = [
  ...['', '{}', 'x'.repeat(32), 'x'.repeat(33), 'x'.repeat(96), 'x'.repeat(97), 'x'.repeat(5_000)],
  ...['x'.repeat(65_504), 'x'.repeat(65_505), 'x'.repeat(1_000_000)],
  ...['\u00e9', '\u20ac'.repeat(100), '{"a":"\ud83d\ude00"}'],
]

/** As many cells has a page at most. */
const pageOf = (ref: RecordRef) => Math.floor(ref / 4096)

t.test('every text is read back as it was written, in place of any other', async t => {
  const records = new CopyRecords()
  let ref: RecordRef | undefined
  for (const before of TEXTS) {
    for (const text of TEXTS) {
      ref = records.write(copyOf('a', before), ref)
      ref = records.write(copyOf('a', text, 7), ref)
      if (records.data(ref) !== text) t.fail(`${text.length} characters after ${before.length}`)
      if (records.textBytes(ref) !== Buffer.byteLength(text)) t.fail(`bytes of ${text.length} characters`)
    }
    t.match(records.stamp(ref ?? 0), { epoch: 1, version: 7 })
  }
})

t.test('a tombstone is no empty text', async t => {
  const records = new CopyRecords()
  const [gone, empty] = [records.write(copyOf('a', null)), records.write(copyOf('b', ''))]
  t.strictSame(
    [gone, empty].map(ref => records.isTombstone(ref)),
    [true, false],
  )
  t.strictSame(
    [gone, empty].map(ref => records.data(ref)),
    [null, ''],
  )
})

t.test(
  'records that others were removed from between keep their content, and their places are used again',
  async t => {
    const records = new CopyRecords()
    const texts = new Map<RecordRef, string>()
    const write = (text: string) => {
      const ref = records.write(copyOf('a', text))
      if (texts.has(ref)) t.fail(`${ref} was given away twice`)
      texts.set(ref, text)
    }
    // Several pages of them.
    for (let index = 0; index < 10_000; index++) write(`${index} `.padEnd(20 + (index % 300), 'x'))
    const most = Math.max(...texts.keys())
    for (const [nth, ref] of [...texts.keys()].entries()) {
      if (nth % 3 === 0) continue
      records.remove(ref)
      texts.delete(ref)
    }
    for (let index = 0; index < 6_000; index++) write(`${index} `.padEnd(20 + (index % 300), 'y'))
    t.equal(pageOf(Math.max(...texts.keys())), pageOf(most), 'no new page was needed')
    for (const [ref, text] of texts) if (records.data(ref) !== text) t.fail(`${ref} holds something else`)
    for (const ref of texts.keys()) records.remove(ref)
    t.throws(() => records.data(most), RangeError, 'an empty page is given back')
  },
)
