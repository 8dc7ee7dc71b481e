/** Tables of what others chose, at any length. */
import t from 'tap'
import { tableText } from '../../lib/cli/texts.js'

const COLUMNS = [{ title: 'NAME', text: (name: string) => name }]

t.test('a table may have more rows than a function has arguments', async t => {
  const rows = Array.from({ length: 250_000 }, (_, index) => `row ${index}`)
  t.equal(tableText(COLUMNS, rows).split('\n').length, 250_001)
})

t.test('what a session holds can neither write to the terminal nor begin a line', async t => {
  const names = ['\u001b[2Jgone', 'two\nlines', '\u009b31mred', 'turned\u202eround', 'grün 😀']
  t.equal(
    tableText(COLUMNS, names),
    ['NAME', '\\u001b[2Jgone', 'two\\u000alines', '\\u009b31mred', 'turned\\u202eround', 'grün 😀'].join(
      '\n',
    ),
  )
})
