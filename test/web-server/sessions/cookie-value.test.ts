import { sign } from 'cookie-signature'
import t from 'tap'
import type { SessionId } from '../../../lib/replication/ids.js'
import {
  CookieSigner,
  claimedId,
  isSameCookie,
  signedCookieValues,
} from '../../../lib/web-server/sessions/cookie-value.js'

const id = 'abc-DEF_123' as SessionId
const signer = new CookieSigner(['new', 'old'])

t.test('a value is signed as cookie-signature signs it, and verified', async t => {
  const value = signer.sign(id)
  t.equal(value, `s:${sign(id, 'new')}`)
  t.equal(signer.verify(value), id)
  t.equal(claimedId(value), id)
})

t.test('a value signed with an older secret is still good, with an unknown one never', async t => {
  t.equal(signer.verify(`s:${sign(id, 'old')}`), id)
  t.equal(signer.verify(`s:${sign(id, 'other')}`), null)
})

t.test('forged and mutilated values are refused', async t => {
  const value = signer.sign(id)
  for (const bad of [
    value.slice(2),
    `${value}x`,
    value.slice(0, -1),
    `s:${id}`,
    `s:${id}.`,
    's:',
    's:.',
    '',
    `s:x${value.slice(2)}`,
  ]) {
    t.equal(signer.verify(bad), null, bad)
  }
  t.equal(signer.verify(`s:${sign('', 'new')}`), null, 'an empty id')
  t.equal(claimedId('s:.x'), null)
  t.equal(claimedId('nonsense'), null)
})

t.test('no secret is refused at once', async t => {
  t.throws(() => new CookieSigner([]))
})

t.test('values are found by their exact name, as received, in order', async t => {
  const header = 'sid2=s:no.x; xsid=s:no.y;sid=s%3Aa.b%2F; other=1; sid=s:c.d ; sid=unsigned; sid'
  t.same(signedCookieValues(header, 'sid'), ['s%3Aa.b%2F', 's:c.d'])
  t.same(signedCookieValues(undefined, 'sid'), [])
  t.same(signedCookieValues('', 'sid'), [])
  t.same(signedCookieValues('sid=%E0%A4%A', 'sid'), [], 'not decodable')
})

t.test('a header full of cookies of our name costs a bounded number of verifications', async t => {
  t.equal(signedCookieValues('sid=s:a.b;'.repeat(1000), 'sid').length, 8)
})

t.test('a cookie is the same only byte for byte', async t => {
  t.equal(isSameCookie('s:a.b', Buffer.from('s:a.b')), true)
  t.equal(isSameCookie('s:a.c', Buffer.from('s:a.b')), false)
  t.equal(isSameCookie('s:a.bb', Buffer.from('s:a.b')), false)
})
