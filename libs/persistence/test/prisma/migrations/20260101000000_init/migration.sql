CREATE TABLE "stays" (
    "id" UUID NOT NULL,
    "chalet_id" TEXT NOT NULL,
    "start_date" DATE NOT NULL,
    "end_date" DATE NOT NULL,
    "reference" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "stays_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "stays_reference_key" ON "stays"("reference");
