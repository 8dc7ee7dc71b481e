/**
 * The dashboard's page, login and files. The page holds no figures: it asks for them, with the cookie of the login. Its
 * files are plain HTML, CSS and JavaScript in lib/admin/dashboard, which the package ships as they are.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Access } from './access.js'
import { type Answer, errorAnswer, seeOther, waitHeaders } from './answers.js'
import { DASHBOARD_PATH } from './paths.js'

const require = createRequire(import.meta.url)
/** The package's own folder, from wherever this was compiled to: its files are not compiled. */
const FILES = join(dirname(require.resolve('../../../package.json')), 'lib/admin/dashboard')
const HOME = `${DASHBOARD_PATH}/`

const LOGOUT_PLACE = '<!-- logout -->'
const LOGOUT =
  '<form method="post" action="logout"><button class="plain" type="submit">Log out</button></form>'

const TYPES = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

/** A file of the dashboard. */
interface Asset {
  readonly path: () => string
  readonly type: string
}

const file = (name: string, type: keyof typeof TYPES): Asset => ({
  path: () => join(FILES, name),
  type: TYPES[type],
})

/** Nothing else can be asked for: no path of a request ever becomes a path of the disk. */
const ASSETS = new Map<string, Asset>([
  ['style.css', file('style.css', 'css')],
  ['icon.svg', file('icon.svg', 'svg')],
  ...['main', 'theme', 'api', 'actors', 'charts', 'confirm', 'event-list', 'figures', 'partitions'].map(
    (name): [string, Asset] => [`${name}.js`, file(`${name}.js`, 'js')],
  ),
  ['uplot.js', { path: () => require.resolve('uplot/dist/uPlot.esm.js'), type: TYPES.js }],
  ['uplot.css', { path: () => require.resolve('uplot/dist/uPlot.min.css'), type: TYPES.css }],
])

/** What a request for something of the dashboard brings. */
export interface DashboardRequest {
  /** Path below {@link DASHBOARD_PATH}, which begins with a slash. */
  readonly path: string
  readonly method: string
  readonly body: string
  readonly isLoggedIn: boolean
  readonly isHttps: boolean
  /** Where the browser is. */
  readonly address: string
}

/** @returns the answer; null when there is nothing at that path */
export async function dashboardAnswer(request: DashboardRequest, access: Access): Promise<Answer | null> {
  const { path, method, isLoggedIn, isHttps } = request
  const isRead = method === 'GET' || method === 'HEAD'
  switch (path) {
    case '/':
      if (!isRead) return wrongMethod('GET, HEAD')
      if (!isLoggedIn) return await page('login.html', 401)
      return await index(access)
    case '/login':
      if (isRead) return seeOther(HOME)
      return method === 'POST' ? await login(request, access) : wrongMethod('POST')
    case '/logout':
      return method === 'POST'
        ? seeOther(HOME, { 'set-cookie': access.logout(isHttps) })
        : wrongMethod('POST')
  }
  const asset = path.startsWith('/files/') ? ASSETS.get(path.slice('/files/'.length)) : undefined
  if (asset === undefined) return null
  if (!isRead) return wrongMethod('GET, HEAD')
  return { status: 200, body: await readFile(asset.path()), type: asset.type }
}

/** Only whoever had to log in can log out. */
async function index(access: Access): Promise<Answer> {
  const answer = await page('index.html', 200)
  const body = Buffer.from(answer.body as Uint8Array).toString()
  return { ...answer, body: body.replace(LOGOUT_PLACE, access.isOpen ? '' : LOGOUT) }
}

async function login({ body, isHttps, address }: DashboardRequest, access: Access): Promise<Answer> {
  const token = new URLSearchParams(body).get('token')?.trim() ?? ''
  if (access.isOpen) return seeOther(HOME)
  const verdict = access.ofToken(token, address)
  if (verdict === 'wrong') return await page('login-failed.html', 401)
  if (verdict !== 'right') {
    const answer = await page('login-wait.html', 429)
    return { ...answer, headers: waitHeaders(verdict.waitMs) }
  }
  return seeOther(HOME, { 'set-cookie': access.login(isHttps) })
}

async function page(name: string, status: number): Promise<Answer> {
  const headers = status === 401 ? { 'www-authenticate': 'Bearer realm="troupe"' } : {}
  return { status, body: await readFile(join(FILES, name)), type: TYPES.html, headers }
}

function wrongMethod(allow: string): Answer {
  return errorAnswer(405, 'ADMIN_METHOD_NOT_ALLOWED', `This answers ${allow} only.`, { allow })
}
