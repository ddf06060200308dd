import type { Hono } from 'hono';
import { Problem } from '../contract/errors.ts';
import type { Env } from './env.ts';

/**
 * The problem for a request that no route matches: 405 with `Allow` (RFC 9110, section 15.5.6) if the path has other
 * methods, else 404.
 */
export function noRoute(app: Hono<Env>, path: string): Problem {
  const methods = app.routes.filter((route) => route.method !== 'ALL' && fits(route.path, path)).map((r) => r.method);
  if (methods.length === 0) return routeNotFound();
  // Hono answers HEAD with the route of GET.
  const allow = [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))].join(', ');
  return new Problem('method-not-allowed', `this path supports ${allow}`, { headers: { allow } });
}

/** The 404 of a path without a route, and of a route that the settings leave out. */
export function routeNotFound(): Problem {
  return new Problem('route-not-found', 'this route does not exist');
}

/** Whether a path matches a route's pattern; `:name` matches any segment. */
function fits(route: string, path: string): boolean {
  const parts = path.split('/');
  const wanted = route.split('/');
  return (
    wanted.length === parts.length &&
    wanted.every((part, n) => (part.startsWith(':') ? parts[n] !== '' : part === parts[n]))
  );
}
