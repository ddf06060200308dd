-- migrate: statement by statement
ALTER TABLE "files" ADD COLUMN IF NOT EXISTS "verdict" jsonb;
--> statement-breakpoint
GRANT UPDATE ("verdict") ON "files" TO signpost_app;
--> statement-breakpoint
ALTER TABLE "files" DROP CONSTRAINT IF EXISTS "files_status_check",
	ADD CONSTRAINT "files_status_check" CHECK ("files"."status" in ('held', 'active', 'archived', 'rejected', 'deleted', 'refused')) NOT VALID;
--> statement-breakpoint
ALTER TABLE "files" VALIDATE CONSTRAINT "files_status_check";
--> statement-breakpoint
ALTER TABLE "files" DROP CONSTRAINT IF EXISTS "files_deleted_at_check",
	ADD CONSTRAINT "files_deleted_at_check" CHECK (("files"."deleted_at" is not null) = ("files"."status" in ('deleted', 'rejected', 'refused'))) NOT VALID;
--> statement-breakpoint
ALTER TABLE "files" VALIDATE CONSTRAINT "files_deleted_at_check";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "files_held_idx";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "files_held_idx" ON "files" USING btree ("created_at","id","owner_id") WHERE "files"."status" in ('held');
--> statement-breakpoint
-- Searches also find files that are held or rejected. The old index serves until the new one is there.
DROP INDEX CONCURRENTLY IF EXISTS "files_listed_grams_idx";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "files_listed_grams_idx" ON "files" USING gin (file_grams("owner_id","search_name")) WITH (gin_pending_list_limit = 256) WHERE "status" IN ('held', 'active', 'archived', 'rejected');
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "files_grams_idx";
--> statement-breakpoint
-- As before, and held files count as well. In one statement, because replacing the function resets its search_path.
DO $do$
BEGIN
	EXECUTE $function$
CREATE OR REPLACE FUNCTION count_file_usage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	more_bytes bigint := 0;
	more_files bigint := 0;
	record_limit bigint;
	record_files bigint;
	used file_usage;
BEGIN
	IF TG_OP <> 'INSERT' AND OLD.status IN ('held', 'active', 'archived') THEN
		more_bytes := more_bytes - OLD.size_bytes;
		more_files := more_files - 1;
	END IF;
	IF TG_OP <> 'DELETE' AND NEW.status IN ('held', 'active', 'archived') THEN
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
	IF more_files <= 0 THEN
		RETURN NULL;
	END IF;
	record_limit := nullif(current_setting('signpost.quota_record_files', true), '')::bigint;
	IF record_limit IS NOT NULL THEN
		SELECT count(*) INTO record_files FROM files
			WHERE owner_id = NEW.owner_id AND record_id = NEW.record_id AND status IN ('held', 'active', 'archived');
	END IF;
	IF used.size_bytes > nullif(current_setting('signpost.quota_bytes', true), '')::bigint
		OR used.files > nullif(current_setting('signpost.quota_files', true), '')::bigint
		OR record_files > record_limit
	THEN
		RAISE EXCEPTION USING ERRCODE = 'QF001', MESSAGE = 'quota exceeded', DETAIL = json_strip_nulls(json_build_object(
			'sizeBytes', used.size_bytes - more_bytes, 'files', used.files - more_files,
			'recordFiles', record_files - more_files));
	END IF;
	RETURN NULL;
END
$$
	$function$;
	EXECUTE format('ALTER FUNCTION count_file_usage() SET search_path = %I, pg_temp', current_schema());
END
$do$;
