-- The role that users' statements run as. Roles belong to the whole cluster: another database's migration may make it, too.
DO $$
BEGIN
	-- Looked up first: who may not create roles is refused whether there is one or not.
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'signpost_app') THEN
		CREATE ROLE signpost_app NOLOGIN NOINHERIT NOBYPASSRLS;
	END IF;
EXCEPTION
	WHEN duplicate_object OR unique_violation THEN NULL;
	WHEN insufficient_privilege THEN
		RAISE EXCEPTION 'this login may not create roles; let an administrator run once: CREATE ROLE signpost_app NOLOGIN NOINHERIT NOBYPASSRLS; GRANT signpost_app TO %', quote_ident(current_user);
END
$$;
--> statement-breakpoint
-- Whoever creates a role may since PostgreSQL 16 grant it, and not yet take it on.
DO $$
BEGIN
	PERFORM set_config('role', 'signpost_app', true);
	RESET ROLE;
EXCEPTION
	WHEN insufficient_privilege THEN
		BEGIN
			EXECUTE format('GRANT signpost_app TO %I', current_user);
		EXCEPTION
			WHEN insufficient_privilege THEN
				RAISE EXCEPTION 'this login may not act as the role signpost_app; let an administrator run once: GRANT signpost_app TO %', quote_ident(current_user);
		END;
END
$$;
--> statement-breakpoint
CREATE TABLE "audit_events" (
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "audit_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"actor_id" text NOT NULL,
	"user_id" text NOT NULL,
	"action" text NOT NULL,
	"outcome" text NOT NULL,
	"file_id" uuid,
	"object_key" text,
	"address" text,
	"request_id" text NOT NULL,
	CONSTRAINT "audit_events_pkey" PRIMARY KEY("id")
);
--> statement-breakpoint
ALTER TABLE "audit_events" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "audit_seals" (
	"number" integer NOT NULL,
	"from_xid" "xid8" NOT NULL,
	"to_xid" "xid8" NOT NULL,
	"events" bigint NOT NULL,
	"last_id" bigint NOT NULL,
	"hash" text NOT NULL,
	"sealed_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "audit_seals_pkey" PRIMARY KEY("number")
);
--> statement-breakpoint
ALTER TABLE "audit_seals" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "file_usage" (
	"owner_id" text NOT NULL,
	"size_bytes" bigint NOT NULL,
	"files" bigint NOT NULL,
	CONSTRAINT "file_usage_pkey" PRIMARY KEY("owner_id")
);
--> statement-breakpoint
ALTER TABLE "file_usage" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "files" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "files" DROP CONSTRAINT "files_status_check";--> statement-breakpoint
ALTER TABLE "files" ADD COLUMN "deleted_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "files" ADD COLUMN "object_removed_at" timestamp (3) with time zone;--> statement-breakpoint
-- Until now, only uploads that were refused left a deleted row.
UPDATE "files" SET "status" = 'refused', "deleted_at" = "created_at" WHERE "status" = 'deleted';--> statement-breakpoint
CREATE INDEX "audit_events_user_idx" ON "audit_events" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "audit_events_xid_idx" ON "audit_events" USING btree ("xid","id");--> statement-breakpoint
CREATE INDEX "files_deleted_idx" ON "files" USING btree ("deleted_at","id") WHERE "files"."deleted_at" is not null;--> statement-breakpoint
ALTER TABLE "files" ADD CONSTRAINT "files_deleted_at_check" CHECK (("files"."deleted_at" is not null) = ("files"."status" in ('deleted', 'refused')));--> statement-breakpoint
ALTER TABLE "files" ADD CONSTRAINT "files_status_check" CHECK ("files"."status" in ('active', 'archived', 'deleted', 'refused'));--> statement-breakpoint
CREATE POLICY "files_own" ON "files" AS PERMISSIVE FOR ALL TO "signpost_app" USING ("files"."owner_id" = current_setting('signpost.user_id', true)) WITH CHECK ("files"."owner_id" = current_setting('signpost.user_id', true));--> statement-breakpoint
CREATE POLICY "audit_events_read_own" ON "audit_events" AS PERMISSIVE FOR SELECT TO "signpost_app" USING ("audit_events"."user_id" = current_setting('signpost.user_id', true));--> statement-breakpoint
CREATE POLICY "audit_events_add_own" ON "audit_events" AS PERMISSIVE FOR INSERT TO "signpost_app" WITH CHECK ("audit_events"."user_id" = current_setting('signpost.user_id', true));--> statement-breakpoint
CREATE POLICY "file_usage_own" ON "file_usage" AS PERMISSIVE FOR SELECT TO "signpost_app" USING ("file_usage"."owner_id" = current_setting('signpost.user_id', true));
--> statement-breakpoint
INSERT INTO "file_usage" SELECT "owner_id", sum("size_bytes"), count(*) FROM "files" WHERE "status" <> 'refused' GROUP BY 1;
--> statement-breakpoint
-- Keeps file_usage equal to a recount, whoever changes a file, and refuses a new one over the quota of the statement's
-- settings. The row's lock makes it exact: transactions of one user take turns from here to their end.
CREATE FUNCTION count_file_usage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	more_bytes bigint := 0;
	more_files bigint := 0;
	used file_usage;
BEGIN
	IF TG_OP <> 'INSERT' AND OLD.status IN ('active', 'archived') THEN
		more_bytes := more_bytes - OLD.size_bytes;
		more_files := more_files - 1;
	END IF;
	IF TG_OP <> 'DELETE' AND NEW.status IN ('active', 'archived') THEN
		more_bytes := more_bytes + NEW.size_bytes;
		more_files := more_files + 1;
	END IF;
	IF more_files = 0 AND more_bytes = 0 THEN
		RETURN NULL;
	END IF;
	INSERT INTO file_usage AS known (owner_id, size_bytes, files)
		VALUES (coalesce(NEW.owner_id, OLD.owner_id), more_bytes, more_files)
		ON CONFLICT (owner_id) DO UPDATE
			SET size_bytes = known.size_bytes + excluded.size_bytes, files = known.files + excluded.files
		RETURNING * INTO used;
	IF more_files > 0 AND (
		used.size_bytes > nullif(current_setting('signpost.quota_bytes', true), '')::bigint
		OR used.files > nullif(current_setting('signpost.quota_files', true), '')::bigint
	) THEN
		RAISE EXCEPTION USING ERRCODE = 'QF001', MESSAGE = 'quota exceeded', DETAIL = json_build_object(
			'sizeBytes', used.size_bytes - more_bytes, 'files', used.files - more_files);
	END IF;
	RETURN NULL;
END
$$;
--> statement-breakpoint
-- It runs with its owner's rights: a caller's temporary table must not stand in for the real one.
DO $$
BEGIN
	EXECUTE format('ALTER FUNCTION count_file_usage() SET search_path = %I, pg_temp', current_schema());
END
$$;
--> statement-breakpoint
CREATE TRIGGER "files_count_usage" AFTER INSERT OR DELETE OR UPDATE OF "status", "size_bytes", "owner_id" ON "files"
	FOR EACH ROW EXECUTE FUNCTION count_file_usage();
--> statement-breakpoint
DO $$
BEGIN
	IF NOT has_schema_privilege('signpost_app', current_schema(), 'USAGE') THEN
		EXECUTE format('GRANT USAGE ON SCHEMA %I TO signpost_app', current_schema());
	END IF;
END
$$;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON "files" TO signpost_app;
--> statement-breakpoint
GRANT SELECT ON "file_usage" TO signpost_app;
--> statement-breakpoint
GRANT SELECT, INSERT ON "audit_events" TO signpost_app;
--> statement-breakpoint
-- The log is only ever added to; not even the service itself changes it, without taking back this right first.
DO $$
BEGIN
	EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON audit_events, audit_seals FROM PUBLIC, %I', current_user);
END
$$;
