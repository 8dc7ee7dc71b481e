import t from 'tap'
import { sessionIdIn } from '../../../lib/director/front/front-cookie.js'

const cases: [string | undefined, string | null][] = [
  [undefined, null],
  ['', null],
  ['sid=s:abc.def', 'abc'],
  ['sid=s%3Aabc.def', 'abc'],
  ['sid=s%3aabc.def', 'abc'],
  ['a=1; sid=s:abc.def; b=2', 'abc'],
  ['a=1;sid=s:abc.def', 'abc'],
  ['sid=s:first.x; sid=s:second.y', 'first'],
  ['xsid=s:no.x; sid=s:yes.y', 'yes'],
  ['a=sid=s:no.x', null],
  ['sid="s:abc.def"', 'abc'],
  ['sid=s:a.b.c', 'a.b'],
  ['sid=s:abc', null],
  ['sid=s:.def', null],
  ['sid=abc.def', null],
  ['sid', null],
]

for (const [header, id] of cases) {
  t.test(`the session id in ${JSON.stringify(header)} is ${id}`, async t => {
    t.equal(sessionIdIn(header, 'sid'), id)
  })
}
