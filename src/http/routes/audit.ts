import { Hono } from 'hono';
import { auditPageAnswer, listAuditEvents, listAuditEventsQuery } from '../../audit/list-audit-events.ts';
import type { AuditLog } from '../../db/create-audit-log.ts';
import { answerJson } from '../answer.ts';
import { callerWith } from '../authenticate.ts';
import type { Env } from '../env.ts';
import type { Operations } from '../openapi/operation.ts';
import { readQuery } from '../validate.ts';

/** Reading the audit log. Scope `files:read`; with `files:admin`, the events of all users. */
export function auditRoutes(services: { auditLog: AuditLog }): Hono<Env> {
  const routes = new Hono<Env>();
  routes.get('/audit', async (c) => {
    const caller = callerWith(c, 'files:read', 'audit.list');
    return answerJson(c, await listAuditEvents(services, caller, readQuery(c, listAuditEventsQuery)));
  });
  return routes;
}

/** What the description of the API says of this route. */
export const auditOperations = {
  'GET /audit': {
    id: 'listAuditEvents',
    tag: 'Service',
    scopes: ['files:read'],
    summary: "The events of the caller's files; with `files:admin` of all files",
    query: listAuditEventsQuery,
    answers: { 200: { description: 'A page, newest first', schema: auditPageAnswer } },
    problems: ['database-unavailable'],
  },
} satisfies Operations;
