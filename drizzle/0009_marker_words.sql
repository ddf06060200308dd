CREATE TABLE "marker_words" (
	"word" text NOT NULL,
	"issued_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"is_written" boolean DEFAULT false NOT NULL,
	CONSTRAINT "marker_words_pkey" PRIMARY KEY("word")
);
--> statement-breakpoint
ALTER TABLE "marker_words" ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
-- What is in the bucket by now is one of these two.
INSERT INTO "marker_words" ("word", "is_written")
	SELECT "marker", true FROM "sweeps" WHERE "marker" IS NOT NULL
	UNION SELECT "next_marker", false FROM "sweeps" WHERE "next_marker" IS NOT NULL AND "next_marker" IS DISTINCT FROM "marker";
--> statement-breakpoint
ALTER TABLE "sweeps" DROP COLUMN "marker";--> statement-breakpoint
ALTER TABLE "sweeps" DROP COLUMN "next_marker";