-- As before, and with a limit for the files of one record. After the lock of the owner's row, this statement of its own
-- sees every file that was committed before: the limit is as exact as the quota.
CREATE OR REPLACE FUNCTION count_file_usage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	more_bytes bigint := 0;
	more_files bigint := 0;
	record_limit bigint;
	record_files bigint;
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
	IF more_files <= 0 THEN
		RETURN NULL;
	END IF;
	record_limit := nullif(current_setting('signpost.quota_record_files', true), '')::bigint;
	IF record_limit IS NOT NULL THEN
		SELECT count(*) INTO record_files FROM files
			WHERE owner_id = NEW.owner_id AND record_id = NEW.record_id AND status IN ('active', 'archived');
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
$$;
--> statement-breakpoint
-- Replacing it has reset this setting.
DO $$
BEGIN
	EXECUTE format('ALTER FUNCTION count_file_usage() SET search_path = %I, pg_temp', current_schema());
END
$$;
