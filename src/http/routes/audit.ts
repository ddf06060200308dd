import { Hono } from 'hono';
import { listAuditEvents, listAuditEventsQuery } from '../../audit/list-audit-events.ts';
import type { AuditLog } from '../../db/create-audit-log.ts';
import { answerJson } from '../answer.ts';
import { callerWith } from '../authenticate.ts';
import type { Env } from '../env.ts';
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
