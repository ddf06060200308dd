CREATE TABLE "leases" (
	"name" text NOT NULL,
	"holder" text NOT NULL,
	"fence" bigint NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "leases_pkey" PRIMARY KEY("name")
);
--> statement-breakpoint
ALTER TABLE "leases" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER POLICY "audit_events_read_own" ON "audit_events" TO signpost_app USING ("audit_events"."user_id" = current_setting('signpost.user_id', true) and (select has_table_privilege(session_user, 'leases'::regclass, 'update')));--> statement-breakpoint
ALTER POLICY "audit_events_add_own" ON "audit_events" TO signpost_app WITH CHECK ("audit_events"."user_id" = current_setting('signpost.user_id', true) and (select has_table_privilege(session_user, 'leases'::regclass, 'update')));--> statement-breakpoint
ALTER POLICY "file_usage_own" ON "file_usage" TO signpost_app USING ("file_usage"."owner_id" = current_setting('signpost.user_id', true) and (select has_table_privilege(session_user, 'leases'::regclass, 'update')));--> statement-breakpoint
ALTER POLICY "files_own" ON "files" TO signpost_app USING ("files"."owner_id" = current_setting('signpost.user_id', true) and (select has_table_privilege(session_user, 'leases'::regclass, 'update'))) WITH CHECK ("files"."owner_id" = current_setting('signpost.user_id', true) and (select has_table_privilege(session_user, 'leases'::regclass, 'update')));
--> statement-breakpoint
-- With the words of the policy on "files", which its owner reads past.
CREATE OR REPLACE VIEW "own_files" AS SELECT "id", "owner_id", "status", "created_at", "search_name", "size_bytes", "record_id", "document_type", "content_type"
	FROM "files" WHERE "owner_id" = current_setting('signpost.user_id', true) AND (SELECT has_table_privilege(session_user, 'leases'::regclass, 'update'));
--> statement-breakpoint
-- What a user's statement may change of a file; what was verified stays as it is.
REVOKE UPDATE ON "files" FROM signpost_app;
--> statement-breakpoint
GRANT UPDATE ("status", "file_name", "record_id", "document_type", "metadata", "deleted_at", "object_removed_at") ON "files" TO signpost_app;
--> statement-breakpoint
-- Number, transaction and time of an event are the database's: a row with another transaction would stand in a stretch
-- that is sealed.
REVOKE INSERT ON "audit_events" FROM signpost_app;
--> statement-breakpoint
GRANT INSERT ("actor_id", "user_id", "action", "outcome", "file_id", "object_key", "address", "request_id") ON "audit_events" TO signpost_app;
