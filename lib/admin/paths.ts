/** Where things are at the admin listener, besides those of routes.ts. */

/** Everything of the dashboard; also the path of its cookie, which no app has by chance. */
export const DASHBOARD_PATH = '/troupe'
/** What programs ask at /status the dashboard asks below this, with its cookie instead of the token. */
export const DASHBOARD_API_PATH = `${DASHBOARD_PATH}/api`
