/** An Express app that still has express-session with its MemoryStore, every option set to something that would show. */
import express from 'express'
import session from 'express-session'

const app = express()
app.use(
  session({
    secret: 'another secret than the configuration has',
    name: 'app.sid',
    resave: true,
    saveUninitialized: true,
    rolling: true,
    genid: () => 'an id of the app',
    cookie: { path: '/elsewhere', maxAge: 1000, httpOnly: false },
  }),
)
app.get('/', (req, res) => {
  const { session } = req as unknown as { session: { count?: number } }
  session.count = (session.count ?? 0) + 1
  res.send(String(session.count))
})
app.get('/untouched', (_req, res) => {
  res.send('ok')
})

export default app
