-- migrate: statement by statement
ALTER TABLE "audit_events" ADD COLUMN IF NOT EXISTS "sent_bytes" bigint;--> statement-breakpoint
GRANT INSERT ("sent_bytes") ON "audit_events" TO signpost_app;--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "audit_events_file_idx";--> statement-breakpoint
CREATE INDEX CONCURRENTLY "audit_events_file_idx" ON "audit_events" USING btree ("file_id","id") WHERE "audit_events"."file_id" is not null;--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "audit_events_at_idx";--> statement-breakpoint
CREATE INDEX CONCURRENTLY "audit_events_at_idx" ON "audit_events" USING brin ("at");
