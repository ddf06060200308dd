CREATE TABLE "sweeps" (
	"id" integer NOT NULL,
	"after_key" text,
	"counts" jsonb NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "sweeps_pkey" PRIMARY KEY("id"),
	CONSTRAINT "sweeps_id_check" CHECK ("sweeps"."id" = 1)
);
--> statement-breakpoint
ALTER TABLE "sweeps" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE UNIQUE INDEX "files_stored_key_key" ON "files" USING btree ("stored_key") WHERE "files"."stored_key" is not null;--> statement-breakpoint
-- Keys are ordered by their bytes, as the bucket lists them: the sweeper walks over both side by side.
ALTER TABLE "files" ALTER COLUMN "object_key" TYPE text COLLATE "C", ALTER COLUMN "stored_key" TYPE text COLLATE "C";
