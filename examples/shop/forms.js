/** Forms: the token that shows a form is ours, and the messages that a redirect leaves for the next page. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { html } from './html.js'

const TOKEN_BYTES = 18
/** A visitor who never looks at the next page does not pile them up. */
const FLASHES_MAX = 5

/** Middleware: a POST whose form we did not make for this session is refused. */
export function requireToken(req, _res, next) {
  if (req.method !== 'POST') return next()
  const expected = Buffer.from(req.session.token ?? '')
  const found = Buffer.from(String(req.body?.token ?? ''))
  if (expected.length > 0 && expected.length === found.length && timingSafeEqual(expected, found))
    return next()
  next(
    Object.assign(
      new Error('This form is too old or was not made by this shop. Go back, reload and try again.'),
      {
        status: 403,
      },
    ),
  )
}

/** The hidden field that every form needs. */
export function tokenField(req) {
  req.session.token ??= randomBytes(TOKEN_BYTES).toString('base64url')
  return html`<input type="hidden" name="token" value="${req.session.token}">`
}

/** A form that is nothing but a button; `fields` become hidden fields. */
export function formButton(req, { action, label, fields = {}, look = '' }) {
  return html`<form method="post" action="${action}" class="inline">
    ${tokenField(req)}
    ${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
    <button class="${look}">${label}</button>
  </form>`
}

/** Leaves a message for the next page that this visitor sees. */
export function flash(req, text, kind = 'good') {
  req.session.flashes = [...(req.session.flashes ?? []), { kind, text }].slice(-FLASHES_MAX)
}

/** @returns the messages left for this page, which are forgotten. */
export function takeFlashes(req) {
  const flashes = req.session.flashes ?? []
  if (flashes.length > 0) delete req.session.flashes
  return flashes
}
